//! `template_check OUTLINE TEMPLATE...`: writes the outline of templates, or says what is wrong with them.
//!
//! With `--persistent_worker` it does so for each request that Bazel sends, a line of JSON, until there are no more:
//! two hundred workflows start one process. The arguments may be the lines of a file that is named after an `@`.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::{env, fs};

use serde::{Deserialize, Serialize};
use tasker_template_check::check;

/// What Bazel asks: <https://bazel.build/remote/creating>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    arguments: Vec<String>,
    #[serde(default)]
    request_id: u64,
}

/// What it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    exit_code: i32,
    output: String,
    request_id: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| argument == "--persistent_worker")
    {
        return match serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("template_check: {error}");
                ExitCode::FAILURE
            }
        };
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            eprintln!("{told}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let told = run(&request.arguments).err();
        let answer = Answer {
            exit_code: i32::from(told.is_some()),
            output: told.map(|told| told + "\n").unwrap_or_default(),
            request_id: request.request_id,
        };
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}

/// Does what the arguments say; else what is to be told.
fn run(arguments: &[String]) -> Result<(), String> {
    let of_file;
    let arguments = match arguments {
        [file] if file.starts_with('@') => {
            let text =
                fs::read_to_string(&file[1..]).map_err(|error| format!("{file}: {error}"))?;
            of_file = text.lines().map(str::to_owned).collect::<Vec<_>>();
            &of_file
        }
        all => all,
    };
    let Some((outline, files)) = arguments.split_first() else {
        return Err("template_check OUTLINE TEMPLATE...".to_owned());
    };
    let outlines = check(files).map_err(|problems| problems.join("\n"))?;
    let text = serde_json::to_string_pretty(&outlines).map_err(|error| error.to_string())?;
    fs::write(outline, text).map_err(|error| format!("{outline}: cannot be written: {error}"))
}
