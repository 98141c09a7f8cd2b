// Only for the definitions in example/prometheus-operator-crd: ServiceMonitor and PrometheusRule as clusters have them.
module vmha/e2e/chart/tools/operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
