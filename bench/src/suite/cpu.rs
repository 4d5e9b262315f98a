//! CPU that processes have used, as the kernel tells it in /proc.

use std::fs;

use anyhow::{Context, Result};

/// The unit of times in /proc is a hundredth of a second on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of CPU that a process, and those children of it that have ended, have used.
pub fn of_process(pid: u32) -> Result<f64> {
    Ok(Stat::read(pid)?.seconds)
}

/// Seconds of CPU that a process and its children have used. What ended children have used stays counted.
pub fn of_family(pid: u32) -> Result<f64> {
    let mut seconds = of_process(pid)?;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ends meanwhile is counted by its parent.
        if let Ok(stat) = Stat::read(child)
            && stat.parent == pid
        {
            seconds += stat.seconds;
        }
    }
    Ok(seconds)
}

struct Stat {
    parent: u32,
    seconds: f64,
}

impl Stat {
    fn read(pid: u32) -> Result<Stat> {
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        Stat::parse(&text).with_context(|| format!("{path} is {text:?}"))
    }

    /// proc_pid_stat(5): behind the name in parentheses, which may have any characters, the fields from the third on.
    fn parse(text: &str) -> Option<Stat> {
        let (_, behind) = text.rsplit_once(')')?;
        let fields: Vec<&str> = behind.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        // Fields 14 to 17: user and system time, of itself and of children that were waited for.
        let ticks: u64 = (14..=17).map(number).sum::<Option<u64>>()?;
        Some(Stat {
            parent: number(4)?.try_into().ok()?,
            seconds: ticks as f64 / TICKS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_spaces_and_parentheses() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 150 50 20 30 20 0 1 0";
        let stat = Stat::parse(text).expect("a line as the kernel writes it");
        assert_eq!(stat.parent, 3);
        assert_eq!(stat.seconds, 2.5);
    }
}
