//! The loop: one bounded inbox per tenant; commits, then carries effects out (floor 4).
