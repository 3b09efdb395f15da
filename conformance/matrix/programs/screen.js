// What the programs for node have in common: orders come from standard input, events go to a file.
'use strict';
const fs = require('fs');
const readline = require('readline');

const file = process.argv[process.argv.length - 1];

exports.shows = (event, what = {}) => fs.appendFileSync(file, JSON.stringify({ event, ...what }) + '\n');

// `begin(settings)` logs in and returns what to do for each order: { say(order), quit() }.
exports.runs = (begin) => {
  let program;
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line);
    if (order.order === 'settings') program = begin(order);
    else program[order.order](order);
  }).on('close', () => process.exit(0));
};

// Both libraries are made for a browser.
globalThis.WebSocket = require('ws');
globalThis.window = globalThis;
