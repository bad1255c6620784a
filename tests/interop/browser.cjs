// A browser, driven by lines: { do, page, with } from standard input, { value } or { error } to standard output, in turns.
// Its first line is { executablePath, args }. `open` loads a URL into a new page of that name, `cookies` gives the browser
// cookies; everything else is one of `inPage`, called in the page.
const { chromium } = require("playwright-core");

// Runs in pages, as their own script would.
const inPage = {
  // Opens a WebSocket: { open, protocol }, or what `closed` tells.
  connect({ url, protocols }) {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    const state = { socket, waiting: [], come: [], errors: 0 };
    window.state = state;
    socket.onmessage = ({ data }) => (state.waiting.length ? state.waiting.shift()(data) : state.come.push(data));
    socket.onerror = () => (state.errors += 1);
    state.closed = new Promise((done) => {
      socket.onclose = ({ code, reason, wasClean }) => done({ open: false, code, reason, wasClean, errors: state.errors });
    });
    const opened = new Promise((done) => (socket.onopen = () => done({ open: true, protocol: socket.protocol })));
    return Promise.race([opened, state.closed]);
  },
  // Sends a text, or so many bytes, and tells the next message; of bytes, how many and their sum.
  async say({ text, bytes }) {
    const { socket, waiting, come } = window.state;
    socket.send(text ?? new Uint8Array(bytes).fill(7));
    const data = come.length ? come.shift() : await new Promise((done) => waiting.push(done));
    if (typeof data === "string") return data;
    return { bytes: data.byteLength, sum: new Uint8Array(data).reduce((sum, byte) => sum + byte, 0) };
  },
  send({ text }) {
    window.state.socket.send(text);
  },
  // Waits until the socket is closed, by the page with a code if there is one.
  closed({ code, reason }) {
    if (code) window.state.socket.close(code, reason);
    return window.state.closed;
  },
  // What a page sees of an answer.
  async ask({ url, ...how }) {
    try {
      const answer = await fetch(url, how);
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
    } catch (error) {
      return { failed: error.name };
    }
  },
  // The first events of a stream, and what comes then.
  events({ url, count }) {
    return new Promise((done) => {
      const source = new EventSource(url, { withCredentials: true });
      const events = [];
      const end = (how) => (source.close(), done({ events, end: how }));
      source.onmessage = ({ data }) => events.push(data) === count && end("enough");
      source.onerror = () => end(source.readyState === EventSource.CLOSED ? "refused" : "broken off");
    });
  },
};

async function main() {
  const lines = require("readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "null");
  const browser = await chromium.launch(await next());
  const context = await browser.newContext();
  const pages = {};
  const protocols = {};
  const own = {
    async open(page, { url }) {
      await pages[page]?.close();
      pages[page] = await context.newPage();
      const network = await context.newCDPSession(pages[page]);
      network.on("Network.responseReceived", ({ response }) => (protocols[response.url] = response.protocol));
      await network.send("Network.enable");
      return (await pages[page].goto(url)).status();
    },
    cookies: (_, { cookies }) => context.addCookies(cookies),
    // Over which protocol the last answer of a URL came, which pages aren't told.
    protocol: (_, { url }) => protocols[url],
  };
  console.log(JSON.stringify({ value: browser.version() }));
  for (let line; (line = await next()); ) {
    const { do: what, page, with: given } = line;
    try {
      const value = own[what] ? await own[what](page, given) : await pages[page].evaluate(inPage[what], given);
      console.log(JSON.stringify({ value }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error) }));
    }
  }
  await browser.close();
}

main();
