{{- define "frontend.nginx" -}}
# The whole server: nothing of the image's own configuration is read.
worker_processes 2;
pid /tmp/nginx.pid;
# Within the pod's grace, after the endpoint is withdrawn.
worker_shutdown_timeout 15s;
error_log /dev/stderr warn;
events {
  worker_connections 4096;
}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  log_format json escape=json '{"time":"$time_iso8601","status":$status,"method":"$request_method","uri":"$requested","bytes":$body_bytes_sent,"seconds":$request_time}';
  # What was asked for, not the page that answers for it; without the query, which may hold what no log should.
  map $request_uri $requested {
    "~^(?<path>[^?]*)" $path;
  }
  access_log /dev/stdout json;
  server_tokens off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 65s;
  client_max_body_size 1m;
  gzip on;
  gzip_vary on;
  gzip_min_length 1024;
  gzip_types text/css application/javascript application/json image/svg+xml;
  map $uri $cache_policy {
    default "no-cache";
    # File names carry a hash of the content.
    ~^/assets/ "public, max-age=31536000, immutable";
  }
  {{- if .Values.global.observability.monitoring }}
  server {
    # The exporter beside this process, and nobody else.
    listen 127.0.0.1:8081;
    access_log off;
    location = /stub_status {
      stub_status;
    }
    location / {
      return 404;
    }
  }
  {{- end }}
  server {
    listen {{ int .Values.port }};
    root /usr/share/nginx/html;
    # Not on errors: a missing asset must not be remembered for a year.
    add_header Cache-Control $cache_policy;
    add_header Content-Security-Policy "default-src 'self'; connect-src 'self' https://{{ .Values.global.hosts.api }} wss://{{ .Values.global.hosts.websocket }}; frame-ancestors 'none'; base-uri 'self'" always;
    add_header X-Content-Type-Options nosniff always;
    add_header Referrer-Policy strict-origin-when-cross-origin always;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
    location = /healthz {
      access_log off;
      default_type text/plain;
      return 200 "ok\n";
    }
    location / {
      try_files $uri $uri/ /index.html;
    }
    location /assets/ {
      try_files $uri =404;
    }
  }
}
{{- end -}}

{{- define "frontend.start" -}}
#!/bin/sh
# SIGTERM is nginx's word for "at once". A pod that is stopped finishes what it has begun.
nginx -c /etc/nautilus/nginx.conf -e /dev/stderr -g "daemon off;" &
server=$!
trap 'kill -QUIT "$server"' TERM QUIT
wait "$server"
status=$?
# A trap ends the first wait; the second one is for the server itself.
[ "$status" -le 128 ] || { wait "$server"; status=$?; }
exit "$status"
{{- end -}}

{{- define "frontend.files" -}}
nginx.conf: |
  {{- include "frontend.nginx" . | nindent 2 }}
start.sh: |
  {{- include "frontend.start" . | nindent 2 }}
{{- end -}}
