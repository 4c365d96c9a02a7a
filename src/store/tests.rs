//! The store on a real file.

mod desk;
mod file;
mod people;
mod scan;
