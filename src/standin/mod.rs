//! The standin room.
