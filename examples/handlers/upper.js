#!/usr/bin/env node
// A persistent handler in Node: returns a string in capitals. See docs/handlers.md.
//
//     darg-worker --handler 'upper=stream:node examples/handlers/upper.js'
'use strict';
const readline = require('readline');

// The job cannot be done, however often it is tried.
class NeverMind extends Error {}

// The work itself: takes the job, returns the result or a promise of it.
async function handle(job) {
  if (typeof job.args !== 'string') throw new NeverMind('args must be a string');
  say({ nonce: job.nonce, progress: 100 });
  return job.args.toUpperCase();
}

// Standard output belongs to the protocol: use console.error() for all else.
function say(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

async function answer(job) {
  try {
    const result = await handle(job);
    return { nonce: job.nonce, done: result === undefined ? null : result };
  } catch (error) {
    const verb = error instanceof NeverMind ? 'bury' : 'retry';
    return { nonce: job.nonce, [verb]: String(error.message || error) };
  }
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  let isFirst = true;
  for await (const line of lines) {
    const message = JSON.parse(line);
    if (!isFirst) {
      say(await answer(message));
    } else if (message.darg !== 1 || !(message.max >= 2)) {
      console.error('upper.js knows version 2 of the protocol only');
      process.exit(1);
    } else {
      say({ darg: 2 });
    }
    isFirst = false;
  }
  // The end of input: there will be no more jobs.
}

main();
