//! What every call has in common: how it answers, and that nothing unwinds into the caller.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    pub(crate) code: TaskerCode,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::new(TaskerCode::Invalid, message)
    }

    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(TaskerCode::Failed, message)
    }

    pub(crate) fn stopped() -> Self {
        Self::over("the worker has left its session")
    }

    /// What the handle stands for is not there any more.
    pub(crate) fn over(message: impl ToString) -> Self {
        Self::new(TaskerCode::Stopped, message)
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
            Error::Stopped => TaskerCode::Stopped,
            Error::Bind { .. } | Error::Thread(_) | Error::Begun | Error::Unanswered { .. } => {
                TaskerCode::Failed
            }
        };
        Self::new(code, error)
    }
}

/// Carries a call out. A panic becomes a value, since unwinding into C is undefined.
pub(crate) fn call(body: impl FnOnce() -> Result<String, Fault>) -> TaskerResult {
    // What a panic may leave half-changed is behind locks whose holders say why that is harmless.
    let (code, text) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => (TaskerCode::Ok, value),
        Ok(Err(fault)) => (fault.code, fault.message),
        Err(panic) => (TaskerCode::Panic, panic_message(panic.as_ref())),
    };
    TaskerResult {
        code,
        bytes: TaskerBytes::new(text),
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
}
