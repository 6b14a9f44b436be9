{{- define "tailrace.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tailrace.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tailrace.labels" -}}
{{ include "tailrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The configuration. While Redis is away each replica grants its part of a limit, so it has to know how many there may be. */}}
{{- define "tailrace.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $limits := get $config "limits" | default dict -}}
{{- $replicas := ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled -}}
{{- toYaml (set $config "limits" (merge $limits (dict "replicas" (int $replicas)))) -}}
{{- end }}

{{- define "tailrace.hasEngine" -}}
{{- if (dig "engine" "enabled" true .Values.config) }}yes{{ end }}
{{- end }}

{{/* Seconds of timeouts.drain: the configuration writes 250ms, 30s, 5m or 1h. */}}
{{- define "tailrace.drainSeconds" -}}
{{- $drain := dig "timeouts" "drain" "30s" .Values.config | toString -}}
{{- $number := regexFind "^[0-9]+" $drain | int -}}
{{- $unit := regexFind "[a-z]+$" $drain -}}
{{- if eq $unit "ms" }}{{ max 1 (div $number 1000) }}
{{- else if eq $unit "s" }}{{ $number }}
{{- else if eq $unit "m" }}{{ mul $number 60 }}
{{- else if eq $unit "h" }}{{ mul $number 3600 }}
{{- else }}{{ fail (printf "config.timeouts.drain is no duration: %s" $drain) }}{{ end }}
{{- end }}

{{/* A pod that is killed while it drains breaks its streams. */}}
{{- define "tailrace.gracePeriod" -}}
{{- $needed := add (include "tailrace.drainSeconds" .) .Values.stop.delaySeconds -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds (%d) has to be longer than stop.delaySeconds and timeouts.drain together (%d s)" (int .Values.terminationGracePeriodSeconds) (int $needed)) -}}
{{- end -}}
{{ .Values.terminationGracePeriodSeconds }}
{{- end }}
