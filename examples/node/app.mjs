// A control API in one file: sandboxes with a network policy, refused with the core's diagnostics.
//
// PUT /sandboxes/:id/network replaces egress, ingress and host mask together.

import { sValidator } from '@hono/standard-validator'
import { Hono } from 'hono'
import { ClientAddress, Policy, PolicyError, applyUpdate, networkConfigSchema, networkUpdateSchema } from 'sandgate'

export const app = new Hono()

/** The policy of each sandbox, which its node asks. */
const sandboxes = new Map()

/** One proxy of our own stands before this service. */
const clientAddress = ClientAddress.trustedProxies(['10.0.0.0/8'])

/** 400 with every diagnostic, if the schema has issues. */
function judged(schema) {
  return sValidator('json', schema, (result, c) =>
    result.success ? undefined : c.json({ diagnostics: result.error.map(({ diagnostic, message }) => diagnostic ?? { message }) }, 400),
  )
}

app.post('/sandboxes/:id', judged(networkConfigSchema), (c) => {
  sandboxes.set(c.req.param('id'), new Policy(c.req.valid('json')))
  return c.json({}, 201)
})

app.put('/sandboxes/:id/network', judged(networkUpdateSchema), (c) => {
  const policy = sandboxes.get(c.req.param('id'))
  if (policy === undefined) return c.json({ error: 'there is no such sandbox' }, 404)
  try {
    // An update is valid by itself or not; what it makes of this sandbox is judged here.
    sandboxes.set(c.req.param('id'), new Policy(applyUpdate(policy.config, c.req.valid('json'))))
  } catch (error) {
    if (error instanceof PolicyError) return c.json({ diagnostics: error.diagnostics }, 400)
    throw error
  }
  return c.body(null, 204)
})

/** Lets a request pass if the sandbox's ingress rules let its client. `peer` is who is connected. */
export const ingress = (port, peer) => async (c, next) => {
  const policy = sandboxes.get(c.req.param('id'))
  const client = clientAddress.derive(peer(c), c.req.raw.headers)
  if (policy === undefined || !policy.allowsIngress(client, port)) return c.text('denied', 403)
  return next()
}

// With `@hono/node-server`, the address of the connection.
const peer = (c) => c.env.incoming?.socket.remoteAddress

app.all('/sandboxes/:id/http/*', ingress(80, peer), (c) => c.text('here the request would go to the sandbox'))
