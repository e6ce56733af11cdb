// Serves the application on loopback.

import { serve } from '@hono/node-server'
import { app } from './app.mjs'

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 8000) }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`)
})
process.once('SIGTERM', () => server.close())
