// Corrects errors in Cal.com's published specification before Prism loads it, so that Prism accepts exactly the valid requests.
// Returns its changes.
'use strict';

const HH_MM = '^([01]\\d|2[0-3]):[0-5]\\d$';
const SLOTS = ['/v2/slots', 'get'];
const BUSY_TIMES = ['/v2/calendars/busy-times', 'get'];

function every(node, visit) {
  if (node === null || typeof node !== 'object') return;
  visit(node);
  Object.values(node).forEach((part) => every(part, visit));
}

// Alternatives of requests overlap: a body that matches several fails `oneOf`.
function overlapping(document) {
  let count = 0;
  every(document, (node) => {
    if (Array.isArray(node.oneOf) && !node.discriminator) {
      node.anyOf = node.oneOf;
      delete node.oneOf;
      count += 1;
    }
  });
  return `${count} times oneOf: anyOf`;
}

// Some text fields have numbers as examples, and some lists of numbers are declared as lists of texts.
function texts(document) {
  let count = 0;
  every(document, (node) => {
    if (node.type === 'string' && typeof node.example === 'number') {
      node.example = String(node.example);
      count += 1;
    }
    if (node.items?.type === 'string' && Array.isArray(node.example) && node.example.every(Number.isFinite)) {
      node.items = { ...node.items, type: 'number' };
      count += 1;
    }
  });
  return `${count} texts and numbers, by their examples`;
}

// The enum of the items is repeated on the list.
function lists(document) {
  let count = 0;
  every(document, (node) => {
    if (node.type === 'array' && node.enum && node.items?.enum) {
      delete node.enum;
      count += 1;
    }
  });
  return `${count} lists: values of their items only`;
}

// A parameter that is a list of objects is published as the fields of the objects.
function busyTimes(document) {
  const [route, method] = BUSY_TIMES;
  document.paths[route][method].parameters
    .filter((parameter) => ['credentialId', 'externalId'].includes(parameter.name))
    .forEach((parameter) => { parameter.name = `calendarsToLoad[0][${parameter.name}]`; });
  return `${method.toUpperCase()} ${route}: calendarsToLoad`;
}

// The pattern is the name of a constant instead of its value.
function times(document) {
  let count = 0;
  every(document, (node) => {
    if (node.pattern === 'TIME_FORMAT_HH_MM') {
      node.pattern = HH_MM;
      count += 1;
    }
  });
  return `${count} patterns of hours and minutes`;
}

// Versions are required only in the description; the schema accepts any text.
function versions(document) {
  let count = 0;
  every(document.paths, (node) => {
    if (node.in === 'header' && node.name === 'cal-api-version' && node.schema?.default) {
      node.schema.enum = [node.schema.default];
      count += 1;
    }
  });
  return `${count} versions: no other value`;
}

// The examples have the envelope, but the schemas do not. The client requests slots with an end.
function slots(document) {
  const [route, method] = SLOTS;
  const media = document.paths[route][method].responses['200'].content['application/json'];
  const range = (media.schema.anyOf ?? media.schema.oneOf).find((one) => one.title.startsWith('Range'));
  const { example, ...days } = range;
  media.schema = { type: 'object', required: ['status', 'data'], properties: { status: { type: 'string' }, data: days } };
  media.example = example;
  return `${method.toUpperCase()} ${route}: the envelope`;
}

const FIXES = [overlapping, texts, lists, times, versions, slots, busyTimes];

module.exports = (document) => FIXES.map((fix) => fix(document));
