#!/usr/bin/env node
// A persistent handler in Node: sums up a table. Args: {"csv": "TEXT"}, the first line being the
// names of the columns. The result has the number of rows and, for each column, what is in it. See
// docs/handlers.md.
//
//     darg-worker --handler 'summarize=stream:node summarize.js'
//     jq -Rs '{csv: .}' prices.csv | xargs -0 darg push summarize --wait
'use strict';
const readline = require('readline');

// The job cannot be done, however often it is tried.
class NeverMind extends Error {}

// The fields of RFC 4180: a field may be quoted, and then hold commas, line ends and "" for a quote.
function* parse(text) {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let row = [];
  let line = 1;
  while (field.lastIndex < text.length || row.length > 0) {
    const match = field.exec(text);
    if (match === null) throw new NeverMind(`line ${line}: a quote that is not closed, or amid a field`);
    row.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    line += match[0].split('\n').length - 1;
    if (match[3] === ',') continue;
    yield { row, line: match[3] === '' ? line : line - 1 };
    row = [];
  }
}

function quantile(sorted, share) {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

function describe(cells) {
  const filled = cells.filter((cell) => cell.trim() !== '');
  const missing = cells.length - filled.length;
  const numbers = filled.map(Number);
  if (filled.length === 0 || !numbers.every(Number.isFinite)) {
    return { type: 'text', missing, distinct: new Set(filled).size };
  }
  numbers.sort((a, b) => a - b);
  const sum = numbers.reduce((a, b) => a + b, 0);
  return {
    type: 'number', missing, min: numbers[0], median: quantile(numbers, 0.5), max: numbers.at(-1),
    mean: sum / numbers.length,
  };
}

// The work itself: takes the job, returns the result or a promise of it.
async function handle(job) {
  const text = job.args && job.args.csv;
  if (typeof text !== 'string') throw new NeverMind('args must be {"csv": "TEXT"}');
  const rows = [...parse(text)];
  if (rows.length === 0) throw new NeverMind('there is no first line with the names of the columns');
  const names = rows.shift().row;
  for (const { row, line } of rows) {
    if (row.length !== names.length) {
      throw new NeverMind(`line ${line} has ${row.length} fields instead of ${names.length}`);
    }
  }
  say({ id: job.id, progress: `${rows.length} rows read` });
  const columns = names.map((name, i) => ({ name, ...describe(rows.map(({ row }) => row[i])) }));
  return { rows: rows.length, columns };
}

// Standard output belongs to the protocol: use console.error() for all else.
function say(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

async function answer(job) {
  try {
    return { id: job.id, done: await handle(job) };
  } catch (error) {
    const verb = error instanceof NeverMind ? 'bury' : 'retry';
    return { id: job.id, [verb]: String(error.message || error) };
  }
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  let isFirst = true;
  for await (const line of lines) {
    const message = JSON.parse(line);
    if (!isFirst) {
      say(await answer(message));
    } else if (message.darg !== 1) {
      console.error('summarize.js knows version 1 of the protocol only');
      process.exit(1);
    }
    isFirst = false;
  }
  // The end of input: there will be no more jobs.
}

main();
