//! Memory that a process takes, as the kernel tells it in /proc.

use std::fs;

use anyhow::{Context, Result};

/// MiB that a process has resident.
pub fn resident(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib = kib(&text).with_context(|| format!("{path} has no VmRSS"))?;
    Ok(kib as f64 / 1024.0)
}

fn kib(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_by_its_name() {
        let status = "Name:\tserver\nVmHWM:\t  9 kB\nVmRSS:\t   2048 kB\n";
        assert_eq!(kib(status), Some(2048));
        assert_eq!(kib("Name:\tserver\n"), None);
    }
}
