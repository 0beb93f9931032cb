//! Measures the voice path against a bare relay. The method is in `docs/BENCHMARKS.md`.

pub mod calls;
pub mod frame_path;
pub mod generator;
pub mod measure;
pub mod relay;
pub mod report;
pub mod scenario;
pub mod subject;
