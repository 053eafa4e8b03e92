# Vestige as an image, in two sizes. `--target program` holds the program alone (16 MB beside Node): enough for collectors, and for every role
# where the store is a ClickHouse server. The last stage, what `docker build .` makes, has the embedded engine too (566 MB; glibc, hence no Alpine).
FROM node:20.20-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# `npm install` with the lock file: `npm ci` refuses one that lacks optional packages of other platforms. Versions are those of the lock either way.
RUN npm install --no-save --no-audit --no-fund
COPY . .
RUN node build.mjs

# what of node_modules the bundle does not hold: the engine
FROM build AS engine
RUN npm prune --omit=dev --no-audit --no-fund \
 && mkdir -p /engine/node_modules \
 && cp -r node_modules/chdb node_modules/@chdb /engine/node_modules/

FROM node:20.20-bookworm-slim AS program
# tells Node that dist/*.js are modules
COPY --from=build /src/package.json /opt/vestige/
COPY --from=build /src/dist /opt/vestige/dist
# Written to: /var/lib/vestige (a store), /var/spool/vestige (of collectors, which run as root), /tmp (what is being loaded). The rest may be read-only.
RUN ln -s /opt/vestige/dist/vestige.js /usr/local/bin/vestige && chmod +x /opt/vestige/dist/vestige.js \
 && groupadd --gid 10001 vestige && useradd --uid 10001 --gid vestige --home-dir /var/lib/vestige vestige \
 && install -d -o vestige -g vestige -m 700 /var/lib/vestige /var/lib/vestige/data \
 && install -d -m 700 /var/spool/vestige
ENV NODE_ENV=production VESTIGE_STORE=embedded:/var/lib/vestige/data
USER 10001:10001
WORKDIR /var/lib/vestige
# Node is no good first process of a container (it reaps nothing), but nothing of Vestige leaves children behind, and it ends on SIGTERM.
ENTRYPOINT ["/usr/local/bin/vestige"]
CMD ["up"]
# of `up`; who runs another command turns it off
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8420/').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

FROM program AS vestige
COPY --from=engine /engine/node_modules /opt/vestige/node_modules
