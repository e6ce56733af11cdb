// Second opinions of the runtime: `net.BlockList` and `URL`. Every difference is on a list.

import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import { Policy, PolicyError, canonicalEntry } from 'sandgate'
import { compare, compareTexts, memberships, texts } from './opinions.mjs'

/** The parser of URLs, which is not the same in every Node. */
const ada = process.versions.ada.split('.').slice(0, 2).join('.')

/** What is read, or `null` for a refusal of this kind. */
function unless(isRefusal, question) {
  try {
    return question()
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

const canonical = (text) => unless((error) => error instanceof PolicyError, () => canonicalEntry(text))

// The canonical text of a network alone ends in its length; with ports it does not.
const isNetwork = (entry) => /\/\d+$/.test(entry)

/** The network that a text means as an entry. An entry with ports is no network alone. */
function readNetwork(text) {
  const entry = canonical(text)
  return entry !== null && isNetwork(entry) ? entry : null
}

/** The host that a text means as an entry: a pattern in its canonical text, or one address. */
function readHost(text) {
  const entry = canonical(text)
  if (entry === null || !entry.includes('/')) return entry
  // A text with a length means a network.
  const isSingle = isNetwork(entry) && !text.includes('/') && entry.endsWith(entry.includes(':') ? '/128' : '/32')
  return isSingle ? `address ${entry.slice(0, entry.indexOf('/'))}` : null
}

/** An IPv6 address as this library writes it: runtimes differ in what they write with dots. */
function written(ipv6) {
  const text = new URL(`http://[${ipv6}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text)
  if (mapped === null) return text
  const octets = mapped.slice(1).map((group) => parseInt(group, 16)).flatMap((group) => [group >> 8, group & 255])
  return `::ffff:${octets.join('.')}`
}

const word = (isInside) => (isInside ? 'in' : 'out')

const family = (address) => (address.includes(':') ? 'ipv6' : 'ipv4')

const refusals = new Set(['ERR_INVALID_ADDRESS', 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_VALUE'])

/** As a program fills a block list from text: it splits at the slash and converts the length. */
function blockList(text) {
  const [address, length, ...rest] = text.split('/')
  if (rest.length > 0) return null
  return unless(({ code }) => refusals.has(code), () => {
    const list = new BlockList()
    if (length === undefined) list.addAddress(address, family(address))
    // Without the sum, `-0` ends the process of Node 20 and 22.
    else list.addSubnet(address, Number(length) + 0, family(address))
    const [, held, bits] = /^\w+: IPv[46] ([^/]+)(?:\/(\d+))?$/.exec(list.rules[0])
    return family(held) === 'ipv6' ? `${written(held)}/${bits ?? 128}` : `${held}/${bits ?? 32}`
  })
}

test('a block list reads the same networks except where listed', () => {
  compareTexts('node-block-list', readNetwork, blockList)
})

test('a block list holds the same addresses except where listed', () => {
  const readings = memberships().map(({ address, network }) => {
    const [first, length] = network.split('/')
    const list = new BlockList()
    list.addSubnet(first, Number(length), family(first))
    const policy = new Policy({ denyOut: [network] }, { guardrails: 'none' })
    return {
      input: `${address} in ${network}`,
      sandgate: word(!policy.allowsEgress(address, 443)),
      opinion: word(list.check(address, family(address))),
    }
  })
  compare('node-block-list-check', readings)
})

/**
 * The host that a client would connect to, if the text is put where the host belongs. An IPv6
 * address is put in brackets first, as every caller has to.
 */
function hostname(text) {
  const isBare = text.split(':').length > 2 && !/[[\]]/.test(text)
  const url = isBare ? `http://[${text}]` : `http://${text}`
  return unless(({ code }) => code === 'ERR_INVALID_URL', () => new URL(url).hostname)
}

const isIpv6 = (name) => name.startsWith('[')
const isAddress = (name) => isIpv6(name) || /^\d+(?:\.\d+){3}$/.test(name)

function reading(name) {
  if (name === null) return null
  if (isIpv6(name)) return `address ${written(name.slice(1, -1))}`
  // Both know the absolute form of a name, and only a resolver tells the two apart.
  return isAddress(name) ? `address ${name}` : name.replace(/\.$/, '')
}

// A network, and an entry with ports, is more than a host. It is not put into a URL.
const isHost = (text) => canonical(text)?.includes('/') !== true || readHost(text) !== null

test('a URL reads the same hosts except where listed', () => {
  compareTexts('node-url', readHost, (text) => (isHost(text) ? reading(hostname(text)) : null), ada)
})

/** The name that is decided about, if this stood in a Host header. Any name would be allowed. */
function sent(header) {
  const policy = new Policy({ allowOut: ['*'], denyOut: ['0.0.0.0/0'] }, { guardrails: 'none' })
  return policy.decideEgress({ address: '192.0.2.1', port: 443, host: header }).name ?? null
}

// A client takes the host of a URL; the name is what its Host header then carries.
test('the host of a URL is the same host on the wire except where listed', () => {
  const names = new Set(texts().map((text) => hostname(text)).filter((name) => name !== null && !isAddress(name)))
  compare('node-url-header', [...names].map((name) => ({ input: name, sandgate: sent(name), opinion: reading(name) })), ada)
})

test('what is an address to a URL is no name on the wire', () => {
  const addresses = texts().filter((text) => isAddress(hostname(text) ?? ''))
  assert.ok(addresses.length > 100)
  for (const text of addresses) {
    assert.equal(sent(text), null, JSON.stringify(text))
    assert.equal(sent(hostname(text)), null, JSON.stringify(text))
  }
})
