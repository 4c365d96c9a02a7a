//! The store on a real file.

mod audit;
mod controllers;
mod desk;
mod file;
mod groups;
mod guard;
mod intents;
mod membership;
mod people;
mod products;
mod scan;
mod speed;
mod tidy;
mod untold;
mod walk;
