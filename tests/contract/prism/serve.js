// Serves each published OpenAPI file of a folder with a separate Prism server, all in one process, because loading Prism takes
// seconds. Prints one line of JSON for each: {file, sha256, url, operations, fixes}. Ends with its standard input.
//
//   node serve.js FOLDER [FILE…]     FILE is relative to FOLDER; by default all JSON files with `paths`
//
// PRISM_FIX_SCRIPT names a module that corrects a document before it is served and returns its changes.
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
  return steps.reduce((node, step) => node?.[step], document) !== undefined;
}

// Prism rejects a file with a broken reference. Removes the responses with broken references and returns their locations.
function withoutBroken(document) {
  const broken = (node) =>
    node !== null && typeof node === 'object' &&
    ((typeof node.$ref === 'string' && node.$ref.startsWith('#/') && !resolves(document, node.$ref)) ||
      Object.values(node).some(broken));
  const fixes = [];
  for (const [route, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        if (broken(response)) {
          delete operation.responses[status];
          fixes.push(`${method.toUpperCase()} ${route}: response ${status}`);
        }
      }
    }
  }
  return fixes;
}

const fixMore = process.env.PRISM_FIX_SCRIPT ? require(process.env.PRISM_FIX_SCRIPT) : () => [];

// Returns the operations of a file, from a corrected copy if needed.
async function load(folder, file, copies) {
  const published = fs.readFileSync(path.join(folder, file));
  const sha256 = crypto.createHash('sha256').update(published).digest('hex');
  const document = JSON.parse(published);
  const fixes = [...withoutBroken(document), ...fixMore(document)];
  if (fixes.length === 0) {
    return { operations: await getHttpOperationsFromSpec(path.join(folder, file)), fixes, sha256 };
  }
  fs.cpSync(folder, copies, { recursive: true });
  fs.chmodSync(path.join(copies, file), 0o644);
  fs.writeFileSync(path.join(copies, file), JSON.stringify(document));
  return { operations: await getHttpOperationsFromSpec(path.join(copies, file)), fixes, sha256 };
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
    const { operations, fixes, sha256 } = await load(folder, file, path.join(copies, file.replace(/\W/g, '-')));
    const server = createServer(operations, { cors: false, config: CONFIG, components: { logger } });
    const url = await server.listen(0, '127.0.0.1');
    console.log(JSON.stringify({ file, sha256, url, operations: operations.length, fixes }));
  }
  console.log(JSON.stringify({ ready: true }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
