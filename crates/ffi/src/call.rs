//! What every call has in common: how it answers, and that nothing unwinds into the caller.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use tasker_worker::Error;

use crate::bytes::{TaskerBytes, TaskerResult};

/// How a call went; `tasker.h` says what each means.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskerCode {
    /// It was carried out.
    Ok = 0,
    /// An argument is wrong.
    Invalid = 1,
    /// The worker has left.
    Stopped = 2,
    /// It could not be carried out.
    Failed = 3,
    /// A bug in Tasker.
    Panic = 4,
}

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) struct Fault {
    code: TaskerCode,
    message: String,
}

impl Fault {
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::new(TaskerCode::Invalid, message)
    }

    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(TaskerCode::Failed, message)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(TaskerCode::Stopped, "the worker has left its session")
    }

    fn new(code: TaskerCode, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::NoUrl | Error::Url { .. } | Error::Token | Error::Outcome { .. } => {
                TaskerCode::Invalid
            }
            Error::Bind { .. } | Error::Thread(_) => TaskerCode::Failed,
        };
        Self::new(code, error)
    }
}

/// The process that made the first call; 0 before it.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Carries a call out. A panic becomes a value, since unwinding into C is undefined.
pub(crate) fn call(body: impl FnOnce() -> Result<String, Fault>) -> TaskerResult {
    // What a panic may leave half-changed is behind locks whose holders say why that is harmless.
    let answer = catch_unwind(AssertUnwindSafe(|| {
        refuse_in_a_fork(std::process::id())?;
        body()
    }));
    let (code, text) = match answer {
        Ok(Ok(value)) => (TaskerCode::Ok, value),
        Ok(Err(fault)) => (fault.code, fault.message),
        Err(panic) => (TaskerCode::Panic, panic_message(panic.as_ref())),
    };
    TaskerResult {
        code,
        bytes: TaskerBytes::new(text),
    }
}

/// A forked process has the memory of its parent and none of its threads: whatever it waits for never comes.
fn refuse_in_a_fork(process: u32) -> Result<(), Fault> {
    match PROCESS.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != process => Err(Fault::failed(format!(
            "process {process} was forked from process {first}, which uses Tasker: the threads of a worker are not \
             copied by a fork. Fork before the first use of Tasker, or start a new process (in Python \
             multiprocessing.set_start_method(\"spawn\"))"
        ))),
        _ => Ok(()),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "a bug in Tasker: {}",
        message.unwrap_or("a panic without a message")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: TaskerResult) -> (TaskerCode, String) {
        // SAFETY: `call` has just made the bytes, which are text.
        let text = unsafe { crate::text("message", result.bytes.data, result.bytes.size) }
            .expect("UTF-8")
            .to_owned();
        // SAFETY: nobody else has them.
        unsafe { result.bytes.free() };
        (result.code, text)
    }

    #[test]
    fn a_panic_is_a_value() {
        let result = call(|| panic!("slot {} is gone", 7));
        let expected = "a bug in Tasker: slot 7 is gone".to_owned();
        assert_eq!(message(result), (TaskerCode::Panic, expected));
    }

    #[test]
    fn a_forked_process_is_told_so() {
        assert!(refuse_in_a_fork(std::process::id()).is_ok());
        let fault = refuse_in_a_fork(u32::MAX).expect_err("another process");
        assert_eq!(fault.code, TaskerCode::Failed);
        assert!(
            fault.message.contains("was forked from process"),
            "{}",
            fault.message
        );
    }
}
