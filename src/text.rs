//! Normalised text with spans into the original.
