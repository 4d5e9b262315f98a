//! What every scenario is given.

use anyhow::Result;

use crate::floor::Floor;
use crate::options::Options;
use crate::postgres::Postgres;
use crate::system::System;

pub struct Bench {
    pub options: Options,
    pub postgres: Postgres,
    pub floor: Floor,
}

impl Bench {
    pub async fn new(options: Options) -> Result<Bench> {
        let programs = &options.programs;
        Ok(Bench {
            postgres: Postgres::connect(&programs.database_url, programs.postgres_pid).await?,
            floor: Floor::connect(&programs.database_url).await?,
            options,
        })
    }

    /// A new engine.
    pub async fn system(&self) -> Result<System<'_>> {
        System::start(&self.options.programs).await
    }

    /// The numbers of the rounds, which are told to whoever waits.
    pub fn rounds(&self, scenario: &'static str) -> impl Iterator<Item = u8> {
        let rounds = self.options.rounds;
        (1..=rounds).inspect(move |round| eprintln!("{scenario}: round {round} of {rounds}"))
    }
}
