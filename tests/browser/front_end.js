// The calls of the reference system's front end to the API at `base`. Returns for each what it got, or null where it was refused.
async ([base, recording, samples]) => {
  const got = {};
  const attempt = async (name, action) => {
    try {
      got[name] = await action();
    } catch {
      got[name] = null;
    }
  };
  const ask = async (path, options) => {
    const answer = await fetch(base + path, options);
    if (!answer.ok) throw new Error(answer.status);
    return answer;
  };
  const json = async (path, method = "GET", body) => {
    const headers = { "Content-Type": "application/json" };
    return (await ask(path, body ? { method, headers, body: JSON.stringify(body) } : { method })).json();
  };
  const form = (fields) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return { method: "POST", body: data };
  };
  const happens = (target, good, bad = "error") =>
    new Promise((resolve, reject) => {
      target.addEventListener(good, resolve, { once: true });
      target.addEventListener(bad, reject, { once: true });
    });
  const bytes = Uint8Array.from(atob(recording), (one) => one.charCodeAt(0));
  const file = () => new File([bytes], "talk.wav", { type: "audio/wav" });

  await attempt("status", async () => (await json("/status")).status);
  await attempt("upload", async () => {
    const answer = await ask("/process", form({ audio_file: file(), enable_transcription: "true" }));
    return (await answer.json()).transcript_segments.map(({ text }) => text);
  });
  await attempt("list", async () => (await json("/conversations?skip=0&limit=100")).conversations.map(({ title }) => title));
  await attempt("conversation", async () => (await json("/conversations/1")).status);
  await attempt("sound", async () => {
    const audio = new Audio(`${base}/conversations/segments/1/audio`);
    await happens(audio, "loadedmetadata");
    return audio.duration;
  });
  await attempt("sound for a drawing", async () => {
    const audio = new Audio();
    audio.crossOrigin = "anonymous";
    audio.src = `${base}/conversations/segments/1/audio`;
    await happens(audio, "loadedmetadata");
    return audio.duration;
  });
  await attempt("range", async () => {
    const answer = await ask("/conversations/segments/1/audio", { headers: { Range: "bytes=0-43" } });
    return [answer.status, (await answer.arrayBuffer()).byteLength];
  });
  await attempt("label", async () => {
    const { enrolled } = await json("/conversations/1/segments/1/identify", "POST", { speaker_name: "Ann", enroll: true });
    return enrolled;
  });
  await attempt("emotion", async () => {
    return (await json("/conversations/1/segments/1/correct-emotion?corrected_emotion=happy&learn=true", "POST")).new_emotion;
  });
  await attempt("wrong", async () => {
    return (await json("/conversations/1/segments/1/misidentified", "PATCH", { is_misidentified: true })).is_misidentified;
  });
  await attempt("speakers", async () => (await json("/speakers")).map(({ name }) => name));
  await attempt("rename", async () => (await json("/speakers/1/rename", "PATCH", { new_name: "Anne" })).name);
  await attempt("enrollment", async () => {
    return (await (await ask("/speakers/enroll", form({ name: "Ben", audio_file: file() }))).json()).name;
  });
  await attempt("settings", async () => (await json("/settings/voice", "POST", { silence_duration: 0.7 })).silence_duration);
  await attempt("profile", async () => (await json("/profiles/duplicate", "POST", { name: "home" })).name);
  await attempt("live", async () => {
    const socket = new WebSocket(`${base.replace("http", "ws")}/streaming/ws`);
    const types = new Set();
    const { promise, resolve, reject } = Promise.withResolvers();
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data);
      types.add(type);
      if (type === "started") {
        for (let at = 0; at < samples.length; at += 4096) socket.send(Float32Array.from(samples.slice(at, at + 4096)));
        socket.send(JSON.stringify({ type: "stop" }));
      }
      if (type === "completed") resolve();
    };
    socket.onopen = () => socket.send(JSON.stringify({ type: "start" }));
    socket.onclose = reject;
    await promise;
    return [...types].sort();
  });
  await attempt("deletion", async () => (await json("/conversations/1", "DELETE")).message);
  return got;
}
