import { expect, it } from 'vitest';
import { limiterName, storeName } from './store-name.ts';

it.each([
  [undefined, 'SQLite /srv/data/tailrace.sqlite'],
  ['postgres://user:hidden@db.example/usage?sslmode=require', 'PostgreSQL db.example:5432/usage'],
  ['postgresql://user:hidden@[::1]:6000/usage?password=hidden', 'PostgreSQL [::1]:6000/usage'],
  [
    'postgres:///usage?user=user&password=hidden&host=/var/run/postgresql',
    'PostgreSQL /var/run/postgresql:5432/usage',
  ],
  ['postgres://user:hidden@a:1,b:2/usage', 'PostgreSQL'],
])('the store %s is named %s, without its password', (databaseUrl, name) => {
  expect(storeName({ dataDir: '/srv/data', databaseUrl })).toBe(name);
});

it.each([
  [undefined, 'memory'],
  ['redis://:hidden@cache.example', 'Redis cache.example:6379'],
  ['rediss://user:hidden@10.0.0.5:7000/2', 'Redis 10.0.0.5:7000'],
])('the limiter %s is named %s, without its password', (redisUrl, name) => {
  expect(limiterName(redisUrl)).toBe(name);
});
