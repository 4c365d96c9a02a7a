//! The store on a real file.

mod audit;
mod desk;
mod file;
mod guard;
mod intents;
mod people;
mod products;
mod scan;
mod speed;
mod walk;
