/**
 * Kills and stops the three processes of the counter example while clients count, and then checks that
 * each increment was counted exactly once: the answers to all requests must be 1, 2, 3, … without a gap
 * or a repetition, whether the client had its answer at once, asked again, or had given up.
 *
 *   node scripts/chaos.mjs [seconds] [seed]      after a build
 *
 * The seed decides what is done to whom and when; how the processes meet it, it does not.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import typescript from "typescript";

const PACKAGE = join(import.meta.dirname, "..");
const [seconds = "15", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const CLIENTS = 16;
const ANSWER_TIMEOUT_MS = 2_000;
const RETRY_MS = 20;
/** Of requests whose answer did not come in time, this share is left alone until the end. */
const GIVE_UP_SHARE = 0.2;
const MAX_GIVEN_UP = 2_000;
const HEAL_TIMEOUT_MS = 120_000;

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) server.close();
  return ports;
}

/** The example as JavaScript in a folder of its own, where the package is installed. */
async function prepare() {
  const directory = mkdtempSync(join(tmpdir(), "titan-raft-chaos-"));
  mkdirSync(join(directory, "node_modules", "@titan"), { recursive: true });
  symlinkSync(PACKAGE, join(directory, "node_modules", "@titan", "raft"));
  let source = readFileSync(join(PACKAGE, "examples", "counter.ts"), "utf8");
  for (const [at, port] of (await freePorts(3)).entries()) {
    source = source.replace(`127.0.0.1:710${at + 1}`, `127.0.0.1:${port}`);
  }
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
  const { outputText } = typescript.transpileModule(source, { compilerOptions });
  const program = join(directory, "counter.mjs");
  writeFileSync(program, outputText);
  return { directory, program };
}

/** One member of the cluster, which may be dead or asleep. */
class Member {
  #waiting = new Map();
  #child;
  #mayDie = false;
  isStopped = false;

  constructor(id, place) {
    this.id = id;
    this.place = place;
  }

  get isRunning() {
    return this.#child !== undefined;
  }

  start() {
    const { directory: cwd, program } = this.place;
    const child = fork(program, [String(this.id)], { cwd });
    this.#child = child;
    this.#mayDie = false;
    child.on("error", () => undefined);
    child.on("message", (reply) => this.#settle(keyOf(reply.question), reply.answer));
    child.on("exit", (code, signal) => {
      if (!this.#mayDie) {
        console.error(`member ${this.id} ended by itself: ${signal ?? code} (seed ${seed})`);
        process.exit(1);
      }
      this.#child = undefined;
      for (const key of [...this.#waiting.keys()]) this.#settle(key, undefined);
    });
  }

  /** The answer; undefined when there is none, or none in time. */
  async ask(question) {
    const child = this.#child;
    if (child?.connected !== true) return undefined;
    const key = keyOf(question);
    // Asked here before, and given up: that answer is as good.
    this.#settle(key, undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(key, undefined), ANSWER_TIMEOUT_MS);
      this.#waiting.set(key, { resolve, timer });
      child.send(question, () => undefined);
    });
  }

  async kill() {
    const child = this.#child;
    if (child === undefined) return;
    this.#mayDie = true;
    this.isStopped = false;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  stop() {
    this.isStopped = this.#child?.kill("SIGSTOP") ?? false;
  }

  resume() {
    this.#child?.kill("SIGCONT");
    this.isStopped = false;
  }

  #settle(key, answer) {
    const waiter = this.#waiting.get(key);
    if (waiter === undefined) return;
    this.#waiting.delete(key);
    clearTimeout(waiter.timer);
    waiter.resolve(answer);
  }
}

function keyOf(question) {
  return question === "new" ? "new" : `${question.client}/${question.request}`;
}

/** Asks until somebody answers. @param mayGiveUp whether the client may lose patience */
async function persist(world, question, mayGiveUp) {
  const { members, random } = world;
  for (;;) {
    const member = members[world.leader] ?? members[0];
    const begin = performance.now();
    const answer = await member.ask(question);
    if (answer !== undefined) return answer;
    const isLate = performance.now() - begin >= ANSWER_TIMEOUT_MS;
    if (isLate) world.lateAnswers += 1;
    if (isLate && mayGiveUp() && random() < GIVE_UP_SHARE) return undefined;
    if (members[world.leader] === member) world.leader = (world.leader + 1) % members.length;
    await pause(RETRY_MS);
  }
}

/** Counts until the end, and notes each answer, and each request that it has given up. */
async function runClient(world) {
  const { answers, givenUp, openSession } = world;
  let client = await openSession();
  let request = 1;
  while (!world.isOver) {
    const session = { client, request, answeredThrough: request - 1 };
    const answer = await persist(world, session, () => givenUp.length < MAX_GIVEN_UP);
    if (answer === undefined) {
      givenUp.push(session);
      client = await openSession();
      request = 0;
    } else {
      answers.push(answer);
    }
    request += 1;
  }
}

/** What befalls the members, one thing after another. */
async function runNemesis(world, endMs) {
  const { members, random, deeds } = world;
  const between = (least, most) => least + random() * (most - least);
  const one = () => (random() < 0.5 ? members[world.leader] : members[Math.floor(random() * 3)]);
  while (performance.now() < endMs) {
    await pause(between(100, 2_000));
    const chance = random();
    if (chance < 0.45) {
      const member = one();
      deeds.killed += 1;
      await member.kill();
      await pause(between(0, 2_500));
      member.start();
    } else if (chance < 0.8) {
      const member = one();
      deeds.stopped += 1;
      member.stop();
      await pause(between(200, 5_000));
      member.resume();
    } else if (chance < 0.9) {
      deeds.majorities += 1;
      const spared = one();
      const victims = members.filter((member) => member !== spared);
      await Promise.all(victims.map((member) => member.kill()));
      await pause(between(0, 1_500));
      for (const member of victims) member.start();
    } else {
      deeds.blackouts += 1;
      await Promise.all(members.map((member) => member.kill()));
      for (const member of members) member.start();
    }
  }
}

/** @throws Error naming what was counted wrongly */
function check(answers) {
  const sorted = Float64Array.from(answers).sort();
  for (const [at, answer] of sorted.entries()) {
    if (answer === at + 1) continue;
    const what = answer === sorted[at - 1] ? "two requests have it" : `none has ${at + 1}`;
    throw new Error(`answer ${answer} of ${sorted.length} requests: ${what}`);
  }
}

async function run() {
  const place = await prepare();
  const members = [1, 2, 3].map((id) => new Member(id, place));
  const deeds = { killed: 0, stopped: 0, majorities: 0, blackouts: 0 };
  const world = { members, random: randomOf(Number(seed)), deeds, leader: 0, isOver: false };
  Object.assign(world, { answers: [], givenUp: [], lateAnswers: 0 });
  // One at a time: replies to this question cannot be told apart.
  let opening = Promise.resolve();
  world.openSession = () => {
    opening = opening.then(() => persist(world, "new", () => false));
    return opening;
  };
  for (const member of members) member.start();
  const clients = Array.from({ length: CLIENTS }, () => runClient(world));
  const beginMs = performance.now();
  await runNemesis(world, beginMs + Number(seconds) * 1000);
  const countedSeconds = (performance.now() - beginMs) / 1000;
  world.isOver = true;
  const late = setTimeout(() => {
    console.error(`no progress after all faults have ended (seed ${seed}), see ${place.directory}`);
    process.exit(1);
  }, HEAL_TIMEOUT_MS);
  await Promise.all(clients);
  const acknowledged = world.answers.length;
  for (const session of world.givenUp) {
    world.answers.push(await persist(world, session, () => false));
  }
  clearTimeout(late);
  check(world.answers);
  await Promise.all(members.map((member) => member.kill()));
  rmSync(place.directory, { recursive: true });
  console.log(
    `${acknowledged} increments acknowledged in ${countedSeconds.toFixed(0)} s by ${CLIENTS} clients,` +
      ` ${world.givenUp.length} given up and asked for again at the end, ${world.lateAnswers} late` +
      ` answers; ${deeds.killed} members killed, ${deeds.stopped} stopped, ${deeds.majorities} times` +
      ` two and ${deeds.blackouts} times all killed at once. Each was counted once. Seed ${seed}.`,
  );
}

run().catch((error) => {
  console.error(`${error.stack}\nseed ${seed}`);
  process.exit(1);
});
