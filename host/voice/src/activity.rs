//! Who spoke how long: voice activity by energy.
