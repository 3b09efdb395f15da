//! A panic of the store's library, caught at its border: it is a failure like any other.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is within [`caught`].
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Does what may panic; the error is the panic's message. Nothing is printed, and what the work
/// had in its hands is not to be used any more.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |told| {
            if !WITHIN.try_with(Cell::get).unwrap_or(false) {
                before(told);
            }
        }));
    });
    let before = WITHIN.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    WITHIN.set(before);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        let number = 7;
        assert_eq!(caught(|| panic!("page {number}")), Err::<(), _>("page 7".to_owned()));
        assert_eq!(caught(|| panic!("no page")), Err::<(), _>("no page".to_owned()));
        assert_eq!(caught(|| caught(|| panic!("within"))), Ok(Err::<(), _>("within".to_owned())));
    }
}
