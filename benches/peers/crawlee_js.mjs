// Crawlee for JavaScript: one pool of as many sessions as the argument says. Prints one line of JSON.
import { SessionPool, Configuration, log } from '@crawlee/core';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

log.setLevel(log.LEVELS.OFF);
const sessions = Number(process.argv[2]);
const localDataDirectory = mkdtempSync(join(tmpdir(), 'crawlee-'));
const config = new Configuration({ storageClientOptions: { localDataDirectory }, persistStorage: true });
const options = {
    maxPoolSize: sessions,
    sessionOptions: { maxUsageCount: 1e9, maxAgeSecs: 1e6 },
    persistStateKey: 'SESSIONS',
};
const seconds = async (run) => {
    const began = performance.now();
    await run();
    return (performance.now() - began) / 1000;
};

const before = process.memoryUsage().rss;
let pool = await SessionPool.open(options, config);
const create = await seconds(async () => {
    for (let i = 0; i < sessions; i++) await pool.getSession();
});
const uses = 300_000;
const use = await seconds(async () => {
    for (let i = 0; i < uses; i++) (await pool.getSession()).markGood();
});
const persist = await seconds(() => pool.persistState());
const resident = process.memoryUsage().rss - before;
await pool.teardown();
const reopen = await seconds(async () => {
    pool = await SessionPool.open(options, config);
});
console.log(JSON.stringify({ create: create / sessions, use: use / uses, persist, reopen, resident: resident / sessions }));
process.exit(0);
