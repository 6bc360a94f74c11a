// Serves each published OpenAPI file of a folder by a Prism of its own, all in this one process: loading Prism takes seconds,
// loading a file takes milliseconds. Prints a line of JSON for each: {file, sha256, url, operations, mended}. Ends with its
// standard input.
//
//   node serve.js FOLDER [FILE…]     FILE is relative to FOLDER; all JSON files that name paths unless some are named
//
// PRISM_MEND names a module that puts a document right before it is served, and answers what it changed.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createServer } = require('@stoplight/prism-http-server');
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http');
const { createLogger } = require('@stoplight/prism-core');

const CONFIG = {
  isProxy: false,
  validateRequest: true,
  validateResponse: true,
  checkSecurity: true,
  errors: false,
  mock: { dynamic: false },
};

function filesOf(folder) {
  const names = fs.readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.json'));
  return names.filter((name) => JSON.parse(fs.readFileSync(path.join(folder, name))).paths).sort();
}

function resolves(document, pointer) {
  const steps = pointer.slice(2).split('/').map((step) => step.replace(/~1/g, '/').replace(/~0/g, '~'));
  return steps.reduce((place, step) => place?.[step], document) !== undefined;
}

// Prism refuses a file in which one reference leads nowhere. Takes the answers out that have such a reference; answers where
// they stood.
function withoutBroken(document) {
  const broken = (node) =>
    node !== null && typeof node === 'object' &&
    ((typeof node.$ref === 'string' && node.$ref.startsWith('#/') && !resolves(document, node.$ref)) ||
      Object.values(node).some(broken));
  const mended = [];
  for (const [route, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const [status, answer] of Object.entries(operation.responses ?? {})) {
        if (broken(answer)) {
          delete operation.responses[status];
          mended.push(`${method.toUpperCase()} ${route}: answer ${status}`);
        }
      }
    }
  }
  return mended;
}

const mendMore = process.env.PRISM_MEND ? require(process.env.PRISM_MEND) : () => [];

// The operations of a file, from a mended copy where it needs one.
async function load(folder, file, copies) {
  const published = fs.readFileSync(path.join(folder, file));
  const sha256 = crypto.createHash('sha256').update(published).digest('hex');
  const document = JSON.parse(published);
  const mended = [...withoutBroken(document), ...mendMore(document)];
  if (mended.length === 0) {
    return { operations: await getHttpOperationsFromSpec(path.join(folder, file)), mended, sha256 };
  }
  fs.cpSync(folder, copies, { recursive: true });
  fs.chmodSync(path.join(copies, file), 0o644);
  fs.writeFileSync(path.join(copies, file), JSON.stringify(document));
  return { operations: await getHttpOperationsFromSpec(path.join(copies, file)), mended, sha256 };
}

async function main([folder, ...named]) {
  const copies = fs.mkdtempSync(path.join(os.tmpdir(), 'sidecar-prism-'));
  const leave = () => {
    fs.rmSync(copies, { recursive: true, force: true });
    process.exit();
  };
  process.on('SIGTERM', leave).on('SIGINT', leave);
  process.stdin.on('end', leave).on('close', leave).resume();
  const logger = createLogger('prism', { level: process.env.PRISM_LOG ?? 'silent' });
  for (const file of named.length > 0 ? named : filesOf(folder)) {
    const { operations, mended, sha256 } = await load(folder, file, path.join(copies, file.replace(/\W/g, '-')));
    const server = createServer(operations, { cors: false, config: CONFIG, components: { logger } });
    const url = await server.listen(0, '127.0.0.1');
    console.log(JSON.stringify({ file, sha256, url, operations: operations.length, mended }));
  }
  console.log(JSON.stringify({ ready: true }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
