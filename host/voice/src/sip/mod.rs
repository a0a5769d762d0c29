//! SIP dialogs in, leg events out.
