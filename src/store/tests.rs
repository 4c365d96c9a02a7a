//! The store on a real file.

mod desk;
mod file;
mod intents;
mod people;
mod scan;
