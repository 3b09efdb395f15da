//! Files for the user of stox alone (0600), whatever the umask: message texts and the key of the
//! ids are in them.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The rights of such a file.
const MODE: u32 = 0o600;
/// The rights of everybody else.
const OTHERS: u32 = 0o077;

/// Opens a file to be read and written, or makes it. One that others may read, of an earlier
/// version, is theirs no more.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)?;
    close_to_others(&file);
    Ok(file)
}

/// The same, without what was in it.
pub(super) fn anew(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// A file that belongs to somebody else stays as its owner made it.
fn close_to_others(file: &File) {
    let Ok(data) = file.metadata() else { return };
    if data.permissions().mode() & OTHERS != 0 {
        let _ = file.set_permissions(Permissions::from_mode(MODE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_read_it() {
        let path = std::env::temp_dir().join(format!("stox-private-{}", std::process::id()));
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        open(&path).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::fs::write(&path, "old").unwrap();
        open(&path).unwrap();
        assert_eq!((mode(), std::fs::read(&path).unwrap()), (0o600, b"old".to_vec()));
        anew(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::remove_file(&path).unwrap();
    }
}
