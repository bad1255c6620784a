{{/* A listener's address: the values' `bind` and the given port. */}}
{{- define "poolgate.address" -}}
{{- printf "%s:%d" .bind (int .port) -}}
{{- end }}

{{/* Whether the ext_authz port can be reached from outside the pod. */}}
{{- define "poolgate.asked" -}}
{{- if and .Values.extAuthz.enabled .Values.extAuthz.from }}true{{ end -}}
{{- end }}

{{/* Seconds between SIGTERM and the end of listening. A native sidecar is told when nobody calls any more. */}}
{{- define "poolgate.delay" -}}
{{- if and (eq .Values.mode "sidecar") .Values.sidecar.native }}0{{ else }}{{ int .Values.shutdown.delaySeconds }}{{ end -}}
{{- end }}

{{- define "poolgate.listen" -}}
{{- $bind := .Values.bind -}}
{{- $ports := list (int .Values.ports.proxy) (int .Values.ports.admin) -}}
{{- if .Values.extAuthz.enabled -}}{{- $ports = append $ports (int .Values.extAuthz.port) -}}{{- end -}}
{{- if ne (len $ports) (len (uniq $ports)) -}}{{- fail "ports.proxy, ports.admin and extAuthz.port must differ" -}}{{- end -}}
{{- $proxy := dict "address" (include "poolgate.address" (dict "bind" $bind "port" .Values.ports.proxy)) -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $proxy "tls" (dict "cert" "/run/secrets/poolgate-tls/tls.crt" "key" "/run/secrets/poolgate-tls/tls.key") -}}
{{- end -}}
{{- $admin := dict "address" (include "poolgate.address" (dict "bind" $bind "port" .Values.ports.admin)) -}}
{{- $listen := dict "proxy" $proxy "admin" $admin -}}
{{- with .Values.extAuthz -}}
{{- if .enabled -}}
{{- $where := ternary $bind "127.0.0.1" (not (empty .from)) -}}
{{- $asked := dict "address" (include "poolgate.address" (dict "bind" $where "port" .port)) -}}
{{- if .from -}}{{- $_ := set $asked "from" .from -}}{{- end -}}
{{- if .dialects -}}{{- $_ := set $asked "dialects" .dialects -}}{{- end -}}
{{- $_ := set $listen "ext_authz" $asked -}}
{{- end -}}
{{- end -}}
{{- toYaml $listen -}}
{{- end }}

{{/* poolgate.yaml: the user's configuration and what follows from the other values. */}}
{{- define "poolgate.config" -}}
{{- $timeouts := dict
      "shutdown_delay" (printf "%ss" (include "poolgate.delay" .))
      "drain" (printf "%ds" (int .Values.shutdown.drainSeconds)) -}}
{{- $fixed := dict
      "listen" (include "poolgate.listen" . | fromYaml)
      "timeouts" (merge $timeouts (deepCopy (.Values.config.timeouts | default dict))) -}}
{{- if or .Values.policies .Values.policyConfigMaps -}}
{{- $_ := set $fixed "policies" "policies" -}}
{{- $_ := set $fixed "identity_pools" "policies/identity-pools" -}}
{{- end -}}
{{- if .Values.identityKey.existingSecret -}}
{{- $key := dict "key" (dict "file" "/run/secrets/poolgate/identity") -}}
{{- $_ := set $fixed "identities" (merge $key (deepCopy (.Values.config.identities | default (dict "store" "derived")))) -}}
{{- end -}}
{{- toYaml (merge $fixed (deepCopy .Values.config)) -}}
{{- end }}

{{/* A ConfigMap's keys have no slashes; the volume's items put the paths back. The schema keeps `__` out of paths. */}}
{{- define "poolgate.key" -}}
{{- replace "/" "__" . -}}
{{- end }}

{{/*
What running pods don't take up by themselves, as a hash: listeners, logs and the like are read at the start only, and
so are secrets. With `rollOnChange` all of the configuration.
*/}}
{{- define "poolgate.checksum" -}}
{{- $read := dict "secrets" .Values.secrets.files -}}
{{- if .Values.rollOnChange -}}
{{- $_ := set $read "config" (include "poolgate.config" .) -}}
{{- $_ := set $read "policies" .Values.policies -}}
{{- else -}}
{{- $_ := set $read "listen" (include "poolgate.listen" .) -}}
{{- $_ := set $read "drain" .Values.shutdown.drainSeconds -}}
{{- $_ := set $read "connections" (dig "limits" "connections" 0 .Values.config) -}}
{{- range list "admin" "log" "access_log" "decision_log" -}}
{{- $_ := set $read . (get $.Values.config .) -}}
{{- end -}}
{{- end -}}
{{- toJson $read | sha256sum -}}
{{- end }}
