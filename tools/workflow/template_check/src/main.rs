//! `template_check OUTLINE TEMPLATE...`: writes the outline of templates, or says what is wrong with them.

use std::env;
use std::fs;
use std::process::ExitCode;

use tasker_template_check::check;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((outline, files)) = arguments.split_first() else {
        eprintln!("template_check OUTLINE TEMPLATE...");
        return ExitCode::from(2);
    };
    let outlines = match check(files) {
        Ok(outlines) => outlines,
        Err(problems) => {
            eprintln!("{}", problems.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    let text = serde_json::to_string_pretty(&outlines).expect("outlines are JSON");
    if let Err(error) = fs::write(outline, text) {
        eprintln!("{outline}: cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
