//! Files under the data directory. They hold what people said, so they are for the server's user alone.

pub use prosaas_crm::shelf::create_private_dir;
