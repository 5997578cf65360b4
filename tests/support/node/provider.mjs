// A real OpenID provider with its own login form, for tests. PROVIDER holds its settings as JSON:
// port, client ({client_id, client_secret, redirect_uris, post_logout_redirect_uris}), people (by
// login, their claims) and in_id_token (whether the claims stand in the ID token, too).
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const told = JSON.parse(process.env.PROVIDER);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };

const provider = new Provider(`http://127.0.0.1:${told.port}`, {
  clients: [{ ...told.client, grant_types: ['authorization_code'], response_types: ['code'] }],
  jwks: { keys: [key] },
  cookies: { keys: ['only for tests'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name'],
    groups: ['groups'],
  },
  conformIdTokenClaims: !told.in_id_token,
  pkce: { required: () => true },
  findAccount: (_, id) => told.people[id] && {
    accountId: id,
    claims: () => ({ sub: id, email_verified: true, ...told.people[id] }),
  },
});

provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
