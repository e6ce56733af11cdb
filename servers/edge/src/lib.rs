//! The edge proxy: takes requests from outside and says where they come from.
