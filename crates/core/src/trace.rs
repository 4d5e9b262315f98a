//! Where a task is in a distributed trace: the ids follow from what is durable, so any engine that runs the task tells
//! the same. The text is the header `traceparent` of W3C Trace Context, version 00.

use std::fmt;
use std::str::FromStr;

use crate::TaskId;

/// A span's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: u128,
    /// The span within.
    pub span_id: u64,
    /// Bit 0: the trace is recorded.
    pub flags: u8,
}

impl TraceContext {
    /// The span of a task: in the trace of whoever asked for it, else in a trace of its own, which bears the task's uuid.
    pub fn of_task(task: TaskId, asked: Option<TraceContext>) -> TraceContext {
        let (trace_id, flags) = match asked {
            Some(asked) => (asked.trace_id, asked.flags),
            None => (task.as_u128(), RECORDED),
        };
        TraceContext {
            trace_id,
            // Never 0: a UUID's variant is in it; the rest is random.
            span_id: task.as_u64_pair().1,
            flags,
        }
    }

    /// Whether the trace is recorded.
    pub fn is_recorded(self) -> bool {
        self.flags & RECORDED != 0
    }
}

const RECORDED: u8 = 1;

/// Not a `traceparent`; the standard has it ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl FromStr for TraceContext {
    type Err = Unreadable;

    /// A later version may say more after the flags.
    fn from_str(text: &str) -> Result<TraceContext, Unreadable> {
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            let part = part.filter(|part| part.bytes().all(is_lower_hex));
            u128::from_str_radix(part?, 16).ok()
        };
        let read = (|| Some((hex(2)?, hex(32)?, hex(16)?, hex(2)?)))();
        let (version, trace_id, span_id, flags) = read.ok_or(Unreadable)?;
        let more = parts.next().is_some();
        if version == 0xff || (version == 0 && more) || trace_id == 0 || span_id == 0 {
            return Err(Unreadable);
        }
        Ok(TraceContext {
            trace_id,
            span_id: span_id as u64,
            flags: flags as u8,
        })
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext {
            trace_id,
            span_id,
            flags,
        } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let context: TraceContext = ASKED.parse().expect("it is one");
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.span_id, 0x00f0_67aa_0ba9_02b7);
        assert!(context.is_recorded());
        assert_eq!(context.to_string(), ASKED);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = ASKED.replacen("00", "01", 1) + "-extra";
        assert_eq!(later.parse(), ASKED.parse::<TraceContext>());
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let zero_trace = format!("00-{:032}-00f067aa0ba902b7-01", 0);
        let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{:016}-01", 0);
        for text in [
            "",
            "00",
            &ASKED[..54],
            &ASKED.to_uppercase(),
            &ASKED.replacen("00", "ff", 1),
            &ASKED.replacen('4', "+", 1),
            &format!("{ASKED}-extra"),
            &zero_trace,
            &zero_span,
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn a_task_has_a_span_of_its_own_in_the_trace_it_was_asked_for_in() {
        let task = TaskId::from_u128(0x0193_5b7e_4f6c_7d3e_8a51_0c2f_6f5b_9a10);
        let asked = ASKED.replacen("-01", "-00", 1).parse().ok();
        let within = TraceContext::of_task(task, asked);
        assert_eq!(
            within.to_string(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-8a510c2f6f5b9a10-00"
        );
        let alone = TraceContext::of_task(task, None);
        assert_eq!(
            alone.to_string(),
            "00-01935b7e4f6c7d3e8a510c2f6f5b9a10-8a510c2f6f5b9a10-01"
        );
    }
}
