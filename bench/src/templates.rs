//! How long it takes to check task templates, on one core: as many small ones as a worker may have, and as many steps
//! in fewer, larger ones, which should take as long.
//!
//! Prints a Markdown table; times are of several rounds, in milliseconds.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    ensure!(options.rounds > 0, "at least one round");
    println!("| templates | steps in each | KiB | median | longest |\n|---|---|---|---|---|");
    for (count, steps) in [(200, 10), (20, 100), (2, 1_000)] {
        let texts: Vec<String> = (0..count).map(|n| template(n, steps)).collect();
        let mut times = Vec::new();
        // The first is not counted: it warms up.
        for _ in 0..=options.rounds {
            times.push(check(&texts)?);
        }
        times.remove(0);
        times.sort();
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let bytes: usize = texts.iter().map(String::len).sum();
        println!(
            "| {count} | {steps} | {:.0} | {:.1} ms | {:.1} ms |",
            bytes as f64 / 1024.0,
            millis(times[times.len() / 2]),
            millis(times[times.len() - 1]),
        );
    }
    Ok(())
}

/// Checks every template, and what an engine runs of it.
fn check(texts: &[String]) -> anyhow::Result<Duration> {
    let started = Instant::now();
    for text in texts {
        let document = tasker_template::parse(text, "template.yaml")?;
        document.merged("test")?;
    }
    Ok(started.elapsed())
}

/// A template with retry policies, time-outs and two environments; every fourth has a schema of its context.
fn template(number: usize, steps: usize) -> String {
    let mut text = format!(
        "name: workflow_{number}
namespace_name: bench
version: 1.0.0
description: A chain of steps with a side branch each
metadata: {{tags: ['namespace:bench', 'language:python']}}
"
    );
    if number.is_multiple_of(4) {
        text += "input_schema:
  type: object
  properties:
    order_id: {type: string, pattern: '^[A-Z]{3}-[0-9]+$'}
    amount: {type: number, exclusiveMinimum: 0}
    items: {type: array, minItems: 1, items: {$ref: '#/$defs/item'}}
  required: [order_id, items]
  $defs:
    item: {type: object, properties: {sku: {type: string}, quantity: {type: integer, minimum: 1}}, required: [sku]}
";
    }
    text += "steps:\n";
    for step in 0..steps {
        let before = step.saturating_sub(2)..step;
        let dependencies: Vec<String> = before.map(|n| format!("step_{n}")).collect();
        write!(
            text,
            "  - name: step_{step}
    description: Does what the step before it left to do
    type: standard
    handler:
      callable: bench.step_handlers.Step{step}Handler
      initialization: {{operation: square, limit: {number}}}
    dependencies: [{}]
    retry: {{retryable: true, max_attempts: 3, backoff: exponential, backoff_base_ms: 1000, max_backoff_ms: 30000}}
    timeout_seconds: 30
",
            dependencies.join(", ")
        )
        .expect("a string takes all text");
    }
    text += "environments:
  test:
    steps:
      - {name: ALL, retry: {backoff_base_ms: 50}, timeout_seconds: 5}
      - {name: step_0, timeout_seconds: 1}
  development:
    steps: [{name: ALL, retry: {max_attempts: 1}}]
";
    text
}
