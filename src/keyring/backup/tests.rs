//! Backups, sealed, damaged and opened.
