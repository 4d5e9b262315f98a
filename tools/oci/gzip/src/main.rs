//! Compresses a layer: `gzip PLAIN COMPRESSED`.

use std::env;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use tasker_gzip::compress;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [plain, compressed] = arguments.as_slice() else {
        eprintln!("gzip PLAIN COMPRESSED");
        return ExitCode::from(2);
    };
    let result = File::open(plain)
        .and_then(|mut plain| compress(&mut plain, BufWriter::new(File::create(compressed)?)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "gzip: {} to {}: {error}",
                plain.display(),
                compressed.display()
            );
            ExitCode::FAILURE
        }
    }
}
