// `net.BlockList` as a second opinion: what it holds, a deny list denies.
//
// Generated networks, and the addresses at their edges. What the two read, and where they differ, is
// in `opinions.test.mjs`.

import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { Policy } from 'sandgate'

const bare = { guardrails: 'none' }

const ipv4 = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
const groups = (value) => Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':')

const v4 = fc.record({ family: fc.constant('ipv4'), value: fc.integer({ min: 1, max: 2 ** 32 - 1 }).map(BigInt), length: fc.integer({ min: 1, max: 32 }) })
// Of 2000::/4 but 2002::/16, which carries an IPv4 address.
const v6 = fc.record({ family: fc.constant('ipv6'), value: fc.bigInt(0x2003n << 112n, (0x3000n << 112n) - 1n), length: fc.integer({ min: 16, max: 128 }) })

function network({ family, value, length }) {
  const width = family === 'ipv4' ? 32n : 128n
  const behind = width - BigInt(length)
  const first = (value >> behind) << behind
  return { family, length, first, last: first + (1n << behind) - 1n }
}

const text = (family, value) => (family === 'ipv4' ? ipv4(Number(value)) : groups(value))

test('a deny list denies what a block list holds', () => {
  const networks = fc.array(fc.oneof(v4, v6).map(network).filter(({ first }) => first !== 0n), { minLength: 1, maxLength: 6 })
  const place = fc.tuple(fc.nat(), fc.constantFrom(-1n, 0n, 1n), fc.boolean())
  fc.assert(
    fc.property(networks, fc.array(place, { minLength: 1, maxLength: 8 }), (denied, places) => {
      const list = new BlockList()
      for (const { family, first, length } of denied) list.addSubnet(text(family, first), length, family)
      const policy = new Policy({ denyOut: denied.map(({ family, first, length }) => `${text(family, first)}/${length}`) }, bare)
      for (const [index, offset, atEnd] of places) {
        const { family, first, last } = denied[index % denied.length]
        const value = (atEnd ? last : first) + offset
        if (value < 0n || value >= 1n << (family === 'ipv4' ? 32n : 128n)) continue
        // Beyond the range that carries no IPv4 address.
        if (family === 'ipv6' && value >> 112n < 0x2003n) continue
        const address = text(family, value)
        assert.equal(policy.allowsEgress(address, 443), !list.check(address, family), address)
        assert.equal(policy.decideEgress({ address, port: 443 }).allowed, !list.check(address, family))
      }
    }),
    { numRuns: 500 },
  )
})
