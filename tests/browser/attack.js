// What a web page can try against the application at `base`. Returns, for each attempt, what the page got, or null.
async (base) => {
  const got = {};
  const attempt = async (name, action) => {
    try {
      got[name] = (await action()) || null;
    } catch {
      got[name] = null;
    }
  };
  const happens = (target, good, bad) =>
    new Promise((resolve, reject) => {
      target.addEventListener(good, () => resolve(good), { once: true });
      target.addEventListener(bad, reject, { once: true });
    });
  const ask = async (path, options) => {
    const answer = await fetch(base + path, { credentials: "include", ...options });
    return answer.ok ? await answer.text() : null; // of an opaque answer nothing can be read
  };
  const show = (tag, attribute, path, good = "load") => {
    const element = document.createElement(tag);
    const shown = happens(element, good, "error");
    if (tag === "link") element.rel = "stylesheet";
    element[attribute] = base + path;
    document.body.append(element);
    return shown;
  };
  const submit = async (path, fields, enctype) => {
    const frame = document.createElement("iframe");
    frame.name = `frame-${Math.random()}`;
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { method: "POST", action: base + path, target: frame.name, enctype });
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(form);
    const answered = happens(frame, "load", "error");
    form.submit();
    await answered; // the answer may not be framed, so that the page gets nothing of it
  };

  for (const path of ["/api/v1/search?q=line", "/api/v1/conversations/1", "/api/v1/profiles/download/home", "/openapi.json"]) {
    await attempt(`read ${path}`, () => ask(path));
    await attempt(`read ${path} without CORS`, () => ask(path, { mode: "no-cors" }));
  }
  await attempt("image", () => show("img", "src", "/docs/files/favicon-32x32.png"));
  await attempt("script", () => show("script", "src", "/docs/start.js"));
  await attempt("style", () => show("link", "href", "/docs/files/swagger-ui.css"));
  await attempt("sound", () => show("audio", "src", "/api/v1/conversations/segments/1/audio", "loadedmetadata"));
  await attempt("socket", async () => {
    const socket = new WebSocket(`${base.replace("http", "ws")}/api/v1/streaming/ws`);
    await happens(socket, "open", "error");
    socket.close();
    return "open";
  });

  const call = { name: "update_conversation_title", arguments: { conversation_id: 1, title: "evil" } };
  const rpc = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: call });
  const profile = new FormData();
  profile.append("file", new File(['{"name": "evil", "speakers": [], "segments": []}'], "evil.json"));
  const json = { "Content-Type": "application/json" };
  const changes = {
    "change settings": ["/api/v1/settings/voice/reset", { method: "POST" }],
    "change by MCP": ["/mcp", { method: "POST", body: rpc }],
    "import a profile": ["/api/v1/profiles/import", { method: "POST", body: profile }],
    "delete unknown speakers": ["/api/v1/speakers/unknown/all", { method: "DELETE" }],
    "undo": ["/api/v1/speakers/undo", { method: "POST" }],
    "change a title": ["/api/v1/conversations/1", { method: "PATCH", headers: json, body: '{"title": "evil"}' }],
    "evaluate": ["/api/v1/evaluation", { method: "POST", headers: json, body: "{}" }],
  };
  for (const [name, [path, options]] of Object.entries(changes)) {
    await attempt(name, () => ask(path, options));
    await attempt(`${name} without CORS`, () => ask(path, { ...options, mode: "no-cors" }));
  }
  for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
    await attempt(`form ${enctype}`, () => submit("/api/v1/settings/voice/reset", { threshold: "0" }, enctype));
    await attempt(`form ${enctype} to MCP`, () => submit("/mcp", { [rpc.slice(0, -1) + ',"']: '":1}' }, enctype));
  }
  navigator.sendBeacon(`${base}/api/v1/settings/voice/reset`, "evil");
  await attempt("frame", async () => {
    const frame = document.createElement("iframe");
    const loaded = happens(frame, "load", "error");
    frame.src = `${base}/docs`;
    document.body.append(frame);
    await loaded;
    return frame.contentDocument?.body.innerText;
  });
  return got;
}
