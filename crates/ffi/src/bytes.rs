//! Bytes that pass the border: borrowed on the way in, owned on the way out.

use std::ptr;

use crate::call::{Fault, TaskerCode};

/// Owned bytes on their way out; given back to `tasker_bytes_free`.
#[repr(C)]
#[derive(Debug)]
pub struct TaskerBytes {
    /// The bytes; NULL when there are none.
    pub data: *mut u8,
    /// How many there are.
    pub size: usize,
}

/// What a call answers.
#[repr(C)]
#[derive(Debug)]
pub struct TaskerResult {
    /// How it went.
    pub code: TaskerCode,
    /// The value, or a message for people.
    pub bytes: TaskerBytes,
}

impl TaskerBytes {
    pub(crate) fn new(text: String) -> Self {
        if text.is_empty() {
            return Self {
                data: ptr::null_mut(),
                size: 0,
            };
        }
        let bytes = text.into_bytes().into_boxed_slice();
        let size = bytes.len();
        Self {
            data: Box::into_raw(bytes).cast(),
            size,
        }
    }

    /// Frees the bytes.
    ///
    /// # Safety
    /// They came from [`TaskerBytes::new`] and were not freed before.
    pub(crate) unsafe fn free(self) {
        if !self.data.is_null() {
            // SAFETY: `new` made pointer and size of one boxed slice, which nobody else owns.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(self.data, self.size)) });
        }
    }
}

/// Borrowed text. NULL is taken for no bytes at all, and else refused.
///
/// # Safety
/// `data` points to `size` bytes that nobody changes while the text is used.
pub(crate) unsafe fn text<'a>(what: &str, data: *const u8, size: usize) -> Result<&'a str, Fault> {
    if data.is_null() {
        return match size {
            0 => Ok(""),
            _ => Err(Fault::invalid(format!("`{what}` is NULL"))),
        };
    }
    if size > isize::MAX as usize {
        return Err(Fault::invalid(format!("`{what}` has an impossible size")));
    }
    // SAFETY: not NULL, not longer than any object, and the caller vouches for the rest.
    let bytes = unsafe { std::slice::from_raw_parts(data, size) };
    std::str::from_utf8(bytes).map_err(|error| {
        Fault::invalid(format!(
            "`{what}` is not UTF-8 from byte {} on",
            error.valid_up_to()
        ))
    })
}
