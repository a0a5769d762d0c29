//! SIP, RTP, prompts, digits, recording: sockets in, leg events out (floor 2).
