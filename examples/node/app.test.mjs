// The application answers what its README says, over a real connection.

import { serve } from '@hono/node-server'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { app } from './app.mjs'

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8')
let server, origin

before(async () => {
  origin = await new Promise((resolve) => {
    server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => resolve(`http://127.0.0.1:${port}`))
  })
})
after(() => server.close())

const send = (method, path, body) =>
  fetch(origin + path, { method, body, headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(10_000) })

test('the answers of the README', async () => {
  const [, body] = readme.match(/-d '(\{"denyOut.*)'/)
  const [, answer] = readme.match(/```json\n(.*)\n```/)
  assert.equal((await send('POST', '/sandboxes/one', '{}')).status, 201)
  const refused = await send('PUT', '/sandboxes/one/network', body)
  assert.deepEqual([refused.status, await refused.json()], [400, JSON.parse(answer)])
})

test('a policy decides who reaches the sandbox', async () => {
  assert.equal((await send('POST', '/sandboxes/two', '{}')).status, 201)
  assert.equal((await fetch(`${origin}/sandboxes/two/http/`)).status, 200)
  const onlyOffice = '{"allowIn": ["203.0.113.0/24:80"], "denyIn": ["0.0.0.0/0"]}'
  assert.equal((await send('PUT', '/sandboxes/two/network', onlyOffice)).status, 204)
  assert.equal((await fetch(`${origin}/sandboxes/two/http/`)).status, 403)
  const onlyUs = '{"allowIn": ["127.0.0.1:80"], "denyIn": ["0.0.0.0/0"]}'
  assert.equal((await send('PUT', '/sandboxes/two/network', onlyUs)).status, 204)
  assert.equal((await fetch(`${origin}/sandboxes/two/http/`)).status, 200)
  // Loopback is no proxy of ours, so what it forwards is not believed.
  const forged = await fetch(`${origin}/sandboxes/two/http/`, { headers: { 'x-forwarded-for': '203.0.113.7' } })
  assert.equal(forged.status, 200)
  assert.equal((await fetch(`${origin}/sandboxes/three/http/`)).status, 403)
  assert.equal((await send('PUT', '/sandboxes/three/network', '{}')).status, 404)
  assert.equal((await send('PUT', '/sandboxes/two/network', '{"allowPublicTraffic": true}')).status, 400)
  assert.equal((await send('PUT', '/sandboxes/two/network', 'no JSON')).status, 400)
})
