module.exports = globalThis.React;
