//! `tasker-health`: asks the health page at `TASKER_BIND`; `tasker-health -f URL` asks another, as curl would.

use std::env;
use std::process::ExitCode;

use tasker_health::{Error, Url, get};

/// curl's exit code for `-f` and a status that is an error.
const REFUSED: u8 = 22;
/// curl's for a server that cannot be reached.
const UNREACHABLE: u8 = 7;
/// curl's for a URL that it cannot read.
const MALFORMED: u8 = 3;

fn main() -> ExitCode {
    match url().and_then(|url| get(&url)) {
        Ok(body) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tasker-health: {error}");
            ExitCode::from(match error {
                Error::Url(_) => MALFORMED,
                Error::Io(..) => UNREACHABLE,
                Error::NotHttp(_) | Error::Status(..) => REFUSED,
            })
        }
    }
}

fn url() -> Result<Url, Error> {
    let arguments: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| argument != "-f")
        .collect();
    match arguments.as_slice() {
        [] => env::var("TASKER_BIND")
            .map(|bind| Url::health_of(&bind))
            .map_err(|_| {
                Error::Url("nothing: TASKER_BIND is not set, and no URL is given".to_owned())
            }),
        [url] => Url::parse(url),
        more => Err(Error::Url(more.join(" "))),
    }
}
