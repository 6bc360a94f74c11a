// What Cal.com's published specification gets wrong, put right before Prism reads it, so that a good request can pass and a bad
// one cannot. Answers what it changed.
'use strict';

const HH_MM = '^([01]\\d|2[0-3]):[0-5]\\d$';
const SLOTS = ['/v2/slots', 'get'];
const BUSY_TIMES = ['/v2/calendars/busy-times', 'get'];

function every(node, visit) {
  if (node === null || typeof node !== 'object') return;
  visit(node);
  Object.values(node).forEach((part) => every(part, visit));
}

// Alternatives of requests overlap: a body that fits one fits several, and `oneOf` refuses that.
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

// The examples of some texts are numbers, and some lists of numbers are called lists of texts.
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

// The values of a list's items are said to be those of the list.
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

// A parameter that is a list of objects is published as their fields.
function busyTimes(document) {
  const [route, method] = BUSY_TIMES;
  document.paths[route][method].parameters
    .filter((parameter) => ['credentialId', 'externalId'].includes(parameter.name))
    .forEach((parameter) => { parameter.name = `calendarsToLoad[0][${parameter.name}]`; });
  return `${method.toUpperCase()} ${route}: calendarsToLoad`;
}

// The name of a constant stands where its value should.
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

// Versions are called necessary in words only; any text would do.
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

// The examples have the envelope, the schemas lack it. The client asks for slots with an end.
function slots(document) {
  const [route, method] = SLOTS;
  const media = document.paths[route][method].responses['200'].content['application/json'];
  const range = (media.schema.anyOf ?? media.schema.oneOf).find((one) => one.title.startsWith('Range'));
  const { example, ...days } = range;
  media.schema = { type: 'object', required: ['status', 'data'], properties: { status: { type: 'string' }, data: days } };
  media.example = example;
  return `${method.toUpperCase()} ${route}: the envelope`;
}

const MENDS = [overlapping, texts, lists, times, versions, slots, busyTimes];

module.exports = (document) => MENDS.map((mend) => mend(document));
